import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { ChatModule } from './chat.module.js';
import { FullduplexAdapter } from './fullduplex-adapter.js';

const app = await NestFactory.create(ChatModule, { logger: ['error', 'warn'] });
app.useWebSocketAdapter(new FullduplexAdapter(app));
// app.close() on SIGTERM: everyone is told goodbye first.
app.enableShutdownHooks();

await app.listen(Number(process.env['PORT'] ?? 8080), '127.0.0.1');
console.log(await app.getUrl());
