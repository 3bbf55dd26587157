// One switch for everything that Node or the processor may lack: the shared read buffer, writing below streams,
// WebAssembly for unmasking, live contexts of zlib. It exists so that the ways taken without them are tested by the whole
// of `npm run conformance`, on machines that have all of it.

/** Whether this process was started with FULLDUPLEX_PORTABLE=1: then only the documented, portable ways are taken. */
export const isPortableMode: boolean = process.env['FULLDUPLEX_PORTABLE'] === '1';
