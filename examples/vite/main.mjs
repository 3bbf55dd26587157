// Vite's dev server with a chat on the same port: node examples/vite/main.mjs (or: npx vite examples/vite)

import { fileURLToPath } from 'node:url';
import { createServer } from 'vite';

const root = fileURLToPath(new URL('.', import.meta.url));
const vite = await createServer({
  root,
  configFile: `${root}vite.config.mjs`,
  logLevel: 'warn',
  server: { host: '127.0.0.1', port: Number(process.env.PORT ?? 8080), strictPort: true },
});
await vite.listen();
console.log(`http://127.0.0.1:${vite.httpServer.address().port}`);

process.once('SIGTERM', () => void vite.close());
