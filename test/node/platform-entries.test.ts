// The entries of other platforms, imported on Node: they load, and say where they belong.

import { expect, test } from 'vitest';
import { serve as serveOnBun } from '../../src/bun.ts';
import { serve as serveOnDeno } from '../../src/deno.ts';

test.each([
  ['Bun', serveOnBun],
  ['Deno', serveOnDeno],
])('serve of %s is refused on Node', async (name, serve) => {
  const problem = { code: 'WS_UNSUPPORTED', message: expect.stringContaining(`runs on ${name} only`) };
  await expect(serve({ port: 0 })).rejects.toMatchObject(problem);
});

test.each([
  ['Bun', serveOnBun],
  ['Deno', serveOnDeno],
])('serve of %s checks its target before anything else', async (_, serve) => {
  await expect(Reflect.apply(serve, undefined, [{}])).rejects.toMatchObject({ code: 'WS_OPTION_INVALID' });
});
