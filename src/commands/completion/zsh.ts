import type { CommandSpec } from './spec.ts';
import { sharedFunctions } from './tables.ts';

export function zshScript(spec: CommandSpec): string {
  return `#compdef cpamp
# Completion of cpamp for zsh, made by: cpamp completion zsh

${sharedFunctions(spec, (word, summary) => `${word.replaceAll(':', String.raw`\:`)}:${summary}`)}
${MAIN}`;
}

/* compadd quotes what it inserts, so names from outside need nothing more. */
const MAIN = String.raw`_cpamp() {
  local where nth waiting kind
  local -a place subcommands flags choices names
  _cpamp_walk "${'$'}{(@Q)words[2,CURRENT-1]}"
  if [[ -z $waiting && $PREFIX == --*=* ]]; then
    _cpamp_value "${'$'}{PREFIX%%=*}" || return 1
    compset -P '*='
  elif [[ -n $waiting ]]; then
    _cpamp_value "$waiting"
  elif [[ $PREFIX == -* ]]; then
    _cpamp_words
    _describe -o option flags
    return
  else
    _cpamp_words
    if (( nth == 1 && $#subcommands )); then
      _describe command subcommands
      return
    fi
    _cpamp_argument "$nth" || return 1
  fi
  case "$kind" in
    nothing) return 1 ;;
    words) compadd -a choices ;;
    files) _files ;;
    directories) _files -/ ;;
    *)
      names=("${'$'}{(@f)$(${'$'}{(Q)words[1]} $place completion --list "$kind" -- "${'$'}{(Q)PREFIX}" 2>/dev/null)}")
      names=("${'$'}{(@)names:#}")
      compadd -a names
      ;;
  esac
}

if [[ $funcstack[1] == _cpamp ]]; then
  _cpamp "$@"
else
  compdef _cpamp cpamp
fi
`;
