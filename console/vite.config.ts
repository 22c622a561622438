import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { constants, gzipSync } from 'node:zlib'
import vue from '@vitejs/plugin-vue'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

const OUT = fileURLToPath(new URL('../src/rencheng/web/static', import.meta.url))

/** Lays a .gz beside every file that gains from it; the server gives it to browsers that ask. */
function packed(): Plugin {
  return {
    name: 'rencheng-packed',
    apply: 'build',
    closeBundle() {
      const assets = join(OUT, 'assets')
      for (const name of readdirSync(assets)) {
        if (!/\.(m?js|css|svg)$/.test(name)) continue
        const bytes = readFileSync(join(assets, name))
        if (bytes.length < 2048) continue
        writeFileSync(join(assets, `${name}.gz`), gzipSync(bytes, { level: constants.Z_BEST_COMPRESSION }))
      }
    },
  }
}

export default defineConfig({
  plugins: [vue(), packed()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: { outDir: OUT, emptyOutDir: true, target: 'es2022', chunkSizeWarningLimit: 2500, reportCompressedSize: false },
  worker: { format: 'es' },
  server: { proxy: { '/api': 'http://127.0.0.1:8700' } },
  test: { environment: 'happy-dom', include: ['tests/**/*.test.ts'] },
})
