// Light or dark: the system's choice unless the reader made one (kept in this browser; public/theme.js applies it).

export type Theme = 'system' | 'light' | 'dark';
const THEMES: Theme[] = ['system', 'light', 'dark'];
const dark = matchMedia('(prefers-color-scheme: dark)');

function stored(): Theme {
  try {
    const theme = localStorage.getItem('plumb.theme') as Theme;
    return THEMES.includes(theme) ? theme : 'system';
  } catch {
    return 'system';
  }
}

export const theme = $state<{ choice: Theme; dark: boolean }>({ choice: stored(), dark: false });

function apply() {
  if (theme.choice === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.choice;
  theme.dark = theme.choice === 'system' ? dark.matches : theme.choice === 'dark';
}

export function nextTheme() {
  theme.choice = THEMES[(THEMES.indexOf(theme.choice) + 1) % THEMES.length]!;
  try {
    if (theme.choice === 'system') localStorage.removeItem('plumb.theme');
    else localStorage.setItem('plumb.theme', theme.choice);
  } catch {
    // Storage is off: the choice lasts as long as the page.
  }
  apply();
}

dark.addEventListener('change', apply);
apply();
