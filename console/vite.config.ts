import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

// The built files are linked into `plumb`: few of them, relative paths, nothing inlined (a strict content security
// policy allows no data: scripts or styles).
export default defineConfig({
  base: './',
  plugins: [svelte({ compilerOptions: { runes: true } })],
  build: { target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false }, chunkSizeWarningLimit: 250 },
  server: { proxy: { '/api': process.env.PLUMB_URL ?? 'http://127.0.0.1:8090' } },
});
