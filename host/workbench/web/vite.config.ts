import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

/** Where `npm run dev` finds a running host. */
const host = process.env.MOTIA_URL ?? 'http://127.0.0.1:3000'

export default defineConfig(({ command }) => ({
  // Built files find each other under any base path; the development server has the path of the host's.
  base: command === 'build' ? './' : '/__motia/',
  plugins: [react()],
  build: {
    target: 'es2023',
    assetsInlineLimit: 0,
    // The content security policy allows no inline script.
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
  server: {
    proxy: { '^/(?!__motia/)': host, '^/__motia/(api|plugins|streams|metrics|health)': host },
  },
}))
