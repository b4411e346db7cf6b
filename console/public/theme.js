// Before anything is painted, so that a chosen theme does not flash.
try {
  const theme = localStorage.getItem('plumb.theme');
  if (theme) document.documentElement.dataset.theme = theme;
} catch {}
