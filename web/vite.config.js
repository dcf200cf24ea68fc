// One script, one style sheet, names that do not change: the node sends an ETag for each, and asks nobody for anything.
import { defineConfig } from 'vite';

export default defineConfig({
    base: '/console/',
    esbuild: { jsx: 'automatic', jsxImportSource: 'preact', legalComments: 'none' },
    build: {
        outDir: 'built',
        emptyOutDir: true,
        target: 'es2022',
        modulePreload: false,
        cssCodeSplit: false,
        rollupOptions: { output: { entryFileNames: 'app.js', assetFileNames: 'app[extname]', inlineDynamicImports: true } },
    },
});
