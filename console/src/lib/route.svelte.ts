// The page shown is in the address's fragment: #/exchanges/exc_1. Links work without the server knowing the pages.

function parse(): string[] {
  return location.hash.replace(/^#\/?/, '').split('/').filter(Boolean).map(decodeURIComponent);
}

export const route = $state<{ parts: string[] }>({ parts: parse() });

window.addEventListener('hashchange', () => {
  route.parts = parse();
});

export const link = (...parts: string[]) => `#/${parts.map(encodeURIComponent).join('/')}`;
