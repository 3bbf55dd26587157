// SHA-1 by node:crypto for Sec-WebSocket-Accept (RFC 6455 4.2.2); the portable one is many times slower.

import { hash } from 'node:crypto';
import type { Sha1 } from '../protocol/handshake/sha1.ts';

/** The digest of an ASCII text in base64. */
export const nodeSha1: Sha1 = (ascii) => hash('sha1', ascii, 'base64');
