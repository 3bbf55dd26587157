// Messages as a chat sends them: JSON of about 200 bytes each, with ids, names, times and English words. Longer ones are
// lists of them, as a room's history is. The same seed gives the same messages on every machine.

const words = (
  'the of and to in is you that it he was for on are as with his they at be this have from or one had by word but not ' +
  'what all were we when your can said there use an each which she do how their if will up other about out many then ' +
  'them these so some her would make like him into time has look two more write go see number no way could people my ' +
  'than first water been call who oil its now find long down day did get come made may part'
).split(' ');

/**
 * Gives `count` messages of `byteLength` bytes each.
 * @param {number} byteLength @param {number} count @returns {Uint8Array[]}
 */
export function chatMessages(byteLength, count) {
  let state = 1;
  /** @param {number} most */
  const below = (most) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return (state >>> 8) % most;
  };
  const one = () => ({
    type: 'message',
    id: below(1_000_000_000),
    user: `user-${below(5000)}`,
    room: `room-${below(20)}`,
    text: Array.from({ length: 4 + below(16) }, () => words[below(words.length)]).join(' '),
    at: new Date(1_700_000_000_000 + below(1_000_000_000)).toISOString(),
    read: below(2) === 1,
  });
  return Array.from({ length: count }, () => {
    let text = '';
    while (text.length < byteLength) text += `${JSON.stringify(one())}\n`;
    return new TextEncoder().encode(text.slice(0, byteLength));
  });
}
