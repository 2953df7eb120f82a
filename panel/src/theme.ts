// Runs before the first paint, so that a chosen theme does not flash. A file of its own, since no script is inline.
try {
  const chosen = localStorage.getItem('panel:v1:theme');
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset['theme'] = chosen;
} catch {
  // No storage: the system's choice holds.
}
