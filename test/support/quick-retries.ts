/**
 * Loaded into the daemon before its own code (`node --import`): attempts to reconnect are spread by full jitter, which
 * is the random number times a growing bound. Small numbers make short pauses and change nothing else.
 */
const random = Math.random;
Math.random = () => random() / 500;
