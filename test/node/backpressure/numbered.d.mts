export function numbered(seq: number, byteLength: number): Uint8Array;
export function faultOf(bytes: Uint8Array, seq: number): string | undefined;
