// What a connection has carried, as plain counts. A connection makes one with its first message and adds to it with
// each; who wants the sum of many adds them up. Rates and ratios follow from these numbers elsewhere.

/** Counts of messages and bytes, in both directions. */
export class Traffic {
  /** Whole messages. */
  messagesIn = 0;
  messagesOut = 0;
  /** Their bytes as the application sees them: text in UTF-8, before compression. */
  payloadBytesIn = 0;
  payloadBytesOut = 0;
  /** All bytes after the opening handshake: headers, control frames and what was discarded too; without TLS and TCP. */
  wireBytesIn = 0;
  wireBytesOut = 0;
  /** Of the messages that an extension has transformed: their bytes before ... */
  plainBytesIn = 0;
  plainBytesOut = 0;
  /** ... and as they went over the wire, without frame headers. */
  deflatedBytesIn = 0;
  deflatedBytesOut = 0;

  /** Adds the counts of another one. */
  add(other: Readonly<Traffic>): void {
    this.messagesIn += other.messagesIn;
    this.messagesOut += other.messagesOut;
    this.payloadBytesIn += other.payloadBytesIn;
    this.payloadBytesOut += other.payloadBytesOut;
    this.wireBytesIn += other.wireBytesIn;
    this.wireBytesOut += other.wireBytesOut;
    this.plainBytesIn += other.plainBytesIn;
    this.plainBytesOut += other.plainBytesOut;
    this.deflatedBytesIn += other.deflatedBytesIn;
    this.deflatedBytesOut += other.deflatedBytesOut;
  }
}
