// The statuses that send a client to another URL (RFC 9110 15.4).

const redirectStatuses: ReadonlySet<number | undefined> = new Set([301, 302, 303, 307, 308]);

/** Whether a response with the status may be followed to its Location; a GET stays one with all of these. */
export function isRedirectStatus(status: number | undefined): boolean {
  return redirectStatuses.has(status);
}
