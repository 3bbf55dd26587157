import { readFileSync } from 'node:fs';
import { Controller, Get, Header, Module } from '@nestjs/common';
import { ChatGateway } from './chat.gateway.js';

// Compiled into dist/.
const page = readFileSync(new URL('../index.html', import.meta.url), 'utf8');

@Controller()
class PageController {
  @Get()
  @Header('Content-Type', 'text/html; charset=utf-8')
  page(): string {
    return page;
  }
}

@Module({ controllers: [PageController], providers: [ChatGateway] })
export class ChatModule {}
