// Whether a welcome tells a polling client anything: most only say that everything is as it was, and then the poll waits on.

/**
 * Whether the client should hear of this first message at once: the session is another than it had, a subscription is
 * new or was refused, or something could not be recovered.
 * @param text the first message of a link: a welcome, or a goodbye
 */
export function isNewsOfWelcome(text: string): boolean {
  const frame: unknown = JSON.parse(text);
  if (!Array.isArray(frame) || frame[0] !== 1) return true;
  const welcome: unknown = frame[1];
  if (!isRecord(welcome) || welcome.resumed !== true || !Array.isArray(welcome.subs)) return true;
  const { own } = welcome;
  return (
    welcome.subs.some((answer: unknown) => !Array.isArray(answer) || isNewsOfSubscription(answer[1])) ||
    (isRecord(own) && Object.values(own).some(isGap))
  );
}

function isNewsOfSubscription(subscribed: unknown): boolean {
  if (!isRecord(subscribed)) return true;
  // Nothing is ever recovered of a volatile channel: that it was not is no news.
  if (subscribed.delivery !== 'volatile' && isNewOrGap(subscribed)) return true;
  const { state, presence } = subscribed;
  return (state !== undefined && isNewOrGap(state)) || (presence !== undefined && isNewOrGap(presence));
}

// `recovered` is there only when the client named a position.
function isNewOrGap(start: unknown): boolean {
  return !isRecord(start) || start.recovered !== true;
}

function isGap(start: unknown): boolean {
  return !isRecord(start) || start.recovered === false;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
