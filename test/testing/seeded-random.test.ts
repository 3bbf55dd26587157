import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/testing/seeded-random.ts';

describe('chance from a seed', () => {
  it('is the same for the same seed, and another for another', () => {
    const [a, b, c] = [new SeededRandom('x'), new SeededRandom('x'), new SeededRandom('y')];
    const numbers = (random: SeededRandom): number[] => Array.from({ length: 20 }, () => random.next());
    const first = numbers(a);
    expect(numbers(b)).toEqual(first);
    expect(numbers(c)).not.toEqual(first);
  });

  it('is spread evenly', () => {
    const random = new SeededRandom(5);
    const counts = Array.from({ length: 10 }, () => 0);
    for (let index = 0; index < 10_000; index++) counts[random.below(10)]++;
    expect(Math.min(...counts)).toBeGreaterThan(900);
    expect(Math.max(...counts)).toBeLessThan(1_100);
    let sum = 0;
    for (let index = 0; index < 10_000; index++) sum += random.wait(50);
    expect(sum / 10_000).toBeGreaterThan(48);
    expect(sum / 10_000).toBeLessThan(52);
  });

  it('forks into streams of numbers that do not depend on how much of each is used', () => {
    const numbersOfB = (drawnFromA: number): number[] => {
      const random = new SeededRandom(3);
      const [a, b] = [random.fork('a'), random.fork('b')];
      for (let index = 0; index < drawnFromA; index++) a.next();
      return [b.next(), b.next()];
    };
    expect(numbersOfB(0)).toEqual(numbersOfB(7));
  });
});
