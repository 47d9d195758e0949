import { defineConfig } from "vite";

// The page is served under a policy without inline code and data: addresses, so nothing may be inlined.
export default defineConfig({
  base: "./",
  build: {
    outDir: "../dist",
    emptyOutDir: false, // its .gitignore keeps the folder, which Go embeds
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    reportCompressedSize: false,
  },
});
