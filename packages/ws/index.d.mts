export * from 'fullduplex/ws';
export { default } from 'fullduplex/ws';
