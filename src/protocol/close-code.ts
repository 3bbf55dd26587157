// Close codes: their names (RFC 6455 7.4.1 and the IANA registry) and who may use which of them where.

/** The registered close codes by name. */
export const CloseCode = {
  normalClosure: 1000,
  goingAway: 1001,
  protocolError: 1002,
  unsupportedData: 1003,
  /** Never on the wire: the close frame had no code. */
  noStatusReceived: 1005,
  /** Never on the wire: the connection ended without a close frame. */
  abnormalClosure: 1006,
  invalidPayload: 1007,
  policyViolation: 1008,
  messageTooBig: 1009,
  mandatoryExtension: 1010,
  internalError: 1011,
  serviceRestart: 1012,
  tryAgainLater: 1013,
  badGateway: 1014,
  /** Never on the wire: the TLS handshake failed. */
  tlsHandshake: 1015,
} as const;

/** The longest close reason in UTF-8 bytes: a control frame holds 125, two of them are the code (RFC 6455 5.5.1). */
export const maxCloseReasonBytes = 123;

/** Whether the code may stand in a close frame: 1000-1003, 1007-1014 and 3000-4999 (RFC 6455 7.4.2). */
export function isWireCloseCode(code: number): boolean {
  return (
    Number.isInteger(code) &&
    ((code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999))
  );
}

/** Whether a browser application may close with the code: 1000 and 3000-4999 (WHATWG WebSockets, `close()`). */
export function isApplicationCloseCode(code: number): boolean {
  return Number.isInteger(code) && (code === 1000 || (code >= 3000 && code <= 4999));
}
