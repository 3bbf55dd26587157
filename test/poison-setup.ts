// With FULLDUPLEX_POISON=1 recycled memory is overwritten in every test, also where nothing of src/node/ is used.

import { poisonIfAsked } from '../src/node/poison-mode.ts';

poisonIfAsked();
