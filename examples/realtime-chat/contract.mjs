// What server and page share. With a schema of zod, valibot or arktype in place of typed(), what is said is checked as well.
import { defineContract, typed } from 'fullduplex/contract';

export const chat = defineContract({
  version: '1.0',
  channels: { 'chat:{room}': { events: { message: typed() }, presence: typed() } },
});
