// The connection outlives what shows it: change greeting.js while the page is open and it is still the same connection.

import { connect } from 'fullduplex';
import { greeting } from './greeting.js';

const connection = await connect(`ws://${location.host}/chat`);
const input = document.querySelector('input');
const output = document.querySelector('output');
const list = document.querySelector('ul');
let updates = 0;

output.textContent = greeting;
document.querySelector('form').onsubmit = (event) => {
  event.preventDefault();
  connection.send(input.value);
  input.value = '';
};
import.meta.hot?.accept('./greeting.js', (changed) => {
  updates += 1;
  output.textContent = `${changed.greeting} (changed ${updates} times)`;
});

for await (const message of connection) {
  list.prepend(Object.assign(document.createElement('li'), { textContent: message }));
}
