const WORDS = /"(?:message|detail|error|error_description|title)"\s*:\s*"((?:[^"\\]|\\.)+)/;

/** The words of a failed answer in one line. Most upstreams answer JSON, which may have been cut off anywhere. */
export function failureLine(text: string): string {
  const words = WORDS.exec(text)?.[1]
    ?.replaceAll(/\\(["\\/])/g, '$1')
    .replaceAll(/\\[nrt]/g, ' ');
  return (words ?? text).replaceAll(/\s+/g, ' ').trim();
}
