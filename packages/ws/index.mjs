// What `import ... from 'ws'` gives.
export * from 'fullduplex/ws';
export { default } from 'fullduplex/ws';
