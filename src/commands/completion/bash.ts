import type { CommandSpec } from './spec.ts';
import { sharedFunctions } from './tables.ts';

/** For bash 3.2 and later; files and directories are completed from 4.0 on. */
export function bashScript(spec: CommandSpec): string {
  return `# Completion of cpamp for bash, made by: cpamp completion bash

${sharedFunctions(spec, (word) => word)}
${MAIN}`;
}

/*
 * Names from the database come from outside. compgen -W would expand what is in them, so they are compared here and
 * quoted by printf. bash cuts words at = and : as well, so what is typed is put together again, and of what is offered
 * only the part behind the last cut is handed back.
 */
const MAIN = String.raw`_cpamp_offer() {
  local name
  for name in "$@"; do
    if [[ $name == "$typed"* ]]; then COMPREPLY+=("$name"); fi
  done
}

_cpamp_ask() {
  local name
  while IFS= read -r name; do
    [[ $name == "$typed"* ]] || continue
    case "$quote" in
      "'") [[ $name == *"'"* ]] || COMPREPLY+=("$name") ;;
      '"') COMPREPLY+=("$(printf '%s' "$name" | sed 's/[\\"$${'`'}]/\\&/g')") ;;
      *) COMPREPLY+=("$(printf '%q' "$name")") ;;
    esac
  done < <("$1" ${'$'}{place[@]+"${'$'}{place[@]}"} completion --list "$kind" -- "$typed" 2>/dev/null)
}

_cpamp() {
  local IFS=$' \t\n' where nth waiting kind typed quote='' rest word at cut
  local -a place subcommands flags choices whole=()
  rest=${'$'}{COMP_LINE:0:COMP_POINT}
  for ((at = 0; at <= COMP_CWORD; at++)); do
    word=${'$'}{rest#"${'$'}{rest%%[![:space:]]*}"}
    if ((at > 0)) && [[ $word == "$rest" && -n $rest ]]; then
      cut=$((${'$'}{#whole[@]} - 1))
    else
      cut=${'$'}{#whole[@]}
      whole[cut]=''
    fi
    rest=$word
    if ((at < COMP_CWORD)); then word=${'$'}{COMP_WORDS[at]}; fi
    whole[cut]+=$word
    rest=${'$'}{rest#"$word"}
  done
  cut=$((${'$'}{#whole[@]} - 1))
  typed=${'$'}{whole[cut]}
  COMPREPLY=()
  _cpamp_walk "${'$'}{whole[@]:1:cut-1}"
  if [[ -z $waiting && $typed == --*=* ]]; then
    waiting=${'$'}{typed%%=*}
    typed=${'$'}{typed#*=}
    _cpamp_value "$waiting" || return 0
  elif [[ -n $waiting ]]; then
    _cpamp_value "$waiting"
  elif [[ $typed == -* ]]; then
    _cpamp_words
    _cpamp_offer "${'$'}{flags[@]}"
    return 0
  else
    _cpamp_words
    if ((nth == 1 && ${'$'}{#subcommands[@]})); then _cpamp_offer "${'$'}{subcommands[@]}"; fi
    _cpamp_argument "$nth" || return 0
  fi
  case "$kind" in
    nothing) ;;
    words) _cpamp_offer "${'$'}{choices[@]}" ;;
    files) compopt -o default 2>/dev/null ;;
    directories) compopt -o dirnames 2>/dev/null ;;
    *)
      case "$typed" in
        "'"*|'"'*) quote=${'$'}{typed:0:1} typed=${'$'}{typed:1} ;;
        *) typed=${'$'}{typed//\\/} ;;
      esac
      _cpamp_ask "$1"
      if [[ -z $quote && $typed == *:* && $COMP_WORDBREAKS == *:* ]]; then
        cut=${'$'}{typed%"${'$'}{typed##*:}"}
        for at in "${'$'}{!COMPREPLY[@]}"; do COMPREPLY[at]=${'$'}{COMPREPLY[at]#"$cut"}; done
      fi
      ;;
  esac
}

complete -F _cpamp cpamp
`;
