// The figures at the top: how things stand in a dozen numbers.

import { byId, element } from '../../app/page/element.ts';
import type { HistogramSnapshot } from '../../realtime/server/hub-statistics.ts';
import type { InspectorState } from '../messages.ts';
import { bytes, count, counted, perSecond, span } from './numbers.ts';

interface Figure {
  readonly name: string;
  readonly value: string;
  readonly more: string;
  readonly isBad?: boolean;
}

/** How fast counts of the hub grow, between two looks. */
export interface HubRates {
  readonly publications: number;
  readonly deliveries: number;
}

/** Shows the figures. */
export function showFigures(state: InspectorState, hubRates: HubRates | undefined): void {
  const figures = [...serverFigures(state), ...hubFigures(state, hubRates)];
  byId('figures', HTMLDListElement).replaceChildren(
    ...figures.map(({ name, value, more, isBad = false }) =>
      element(
        'div',
        isBad ? 'is-bad' : '',
        element('dt', '', name),
        element('dd', '', value, element('span', 'more', more)),
      ),
    ),
  );
}

function serverFigures({ server }: InspectorState): Figure[] {
  const { connections, handshakes, rates, messages, queuedBytes, heldBytes, memory, state, ageMs } = server;
  const codes = Object.entries(handshakes.refusedByStatus).map(([status, times]) => `${status}: ${times}`);
  const refused = `${count(handshakes.refused)} refused`;
  return [
    { name: 'Server', value: state, more: `for ${span(ageMs)}`, isBad: state !== 'open' },
    {
      name: 'Connections',
      value: count(connections.open),
      more: `${count(connections.total)} in all, ${count(connections.paused)} paused`,
    },
    {
      name: 'Messages in',
      value: perSecond(rates.messagesPerSecond.in),
      more: `${bytes(rates.payloadBytesPerSecond.in)}/s, ${count(messages.in)} in all`,
    },
    {
      name: 'Messages out',
      value: perSecond(rates.messagesPerSecond.out),
      more: `${bytes(rates.payloadBytesPerSecond.out)}/s, ${count(messages.out)} in all`,
    },
    {
      name: 'Waiting to be sent',
      value: bytes(queuedBytes),
      more: `${bytes(heldBytes)} arrived and not taken`,
    },
    {
      name: 'Unfinished input',
      value: bytes(memory.retained.bytes),
      more: `of ${bytes(memory.retained.maxBytes)}`,
    },
    {
      name: 'Handshakes',
      value: count(handshakes.accepted),
      more: codes.length === 0 ? refused : `${refused} (${codes.join(', ')})`,
    },
  ];
}

function hubFigures({ hub }: InspectorState, rates: HubRates | undefined): Figure[] {
  if (hub === null) return [];
  const { sessions, channels, recovery, calls, slowConsumers, durations, engine, engineFailures } =
    hub.snapshot;
  const links = Object.entries(sessions.byLink).map(([kind, times]) => `${kind}: ${times}`);
  return [
    {
      name: 'Sessions',
      value: count(sessions.connected),
      more: links.join(', ') || `${count(sessions.away)} away`,
    },
    {
      name: 'Subscriptions',
      value: count(channels.subscriptions),
      more: `on ${counted(channels.streams, 'stream')}`,
    },
    {
      name: 'Publications',
      value: rates === undefined ? '…' : perSecond(rates.publications),
      more: rates === undefined ? '' : `${perSecond(rates.deliveries)} delivered`,
    },
    {
      name: 'Recovered',
      value: count(recovery.recovered),
      more: `${count(recovery.notRecovered)} told of a gap`,
    },
    {
      name: 'Calls',
      value: count(calls.total),
      more: `${count(calls.running)} running, ${count(calls.failed)} failed`,
    },
    {
      name: 'Round trip',
      ...roundTrip(durations.heartbeatMs),
    },
    {
      name: 'Slow consumers',
      value: count(slowConsumers),
      more: 'times since the start',
      isBad: slowConsumers > 0,
    },
    {
      name: 'Engine',
      value: engine,
      more: counted(engineFailures, 'failure'),
      isBad: engineFailures > 0,
    },
  ];
}

// The mean, and a bound that 99 of 100 kept to.
function roundTrip({ buckets, count: all, sumMs }: HistogramSnapshot): Pick<Figure, 'value' | 'more'> {
  if (all === 0) return { value: '…', more: 'no heartbeat yet' };
  let seen = 0;
  const bucket = buckets.find(({ count: some }) => {
    seen += some;
    return seen >= all * 0.99;
  });
  const bound = bucket?.upToMs ?? null;
  return {
    value: span(sumMs / all),
    more: bound === null ? '' : `99 % within ${span(bound)}`,
  };
}
