// WebSockets on the port of Vite's dev server, beside those of its hot module replacement.

import { serve } from 'fullduplex';
import { defineConfig } from 'vite';

/** A plugin that serves a chat on the dev server's own port. */
function chat() {
  return {
    name: 'chat',
    async configureServer({ httpServer }) {
      // In middleware mode there is none: serve on the server that Vite is part of.
      if (httpServer === null) return;
      // With a path of its own the chat takes nothing else: Vite's upgrades stay Vite's.
      const server = await serve(
        { server: httpServer, path: '/chat' },
        {
          open: (connection) => connection.subscribe('chat'),
          message: (_connection, message) => server.publish('chat', message),
        },
      );
    },
  };
}

export default defineConfig({
  plugins: [chat()],
  // Only here, where fullduplex is not below node_modules but is the repository itself.
  server: { fs: { allow: ['../..'] } },
});
