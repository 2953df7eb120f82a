import assert from 'node:assert/strict';
import { test } from 'node:test';
import { axisTop, stackBars } from '../../../panel/src/lib/bar-layout.ts';

test('the axis ends at a number whose half can be read too', () => {
  const tops = [0, 1, 2, 3, 5, 7, 9, 10, 11, 61, 100, 1234, 0.03, 0.3].map(axisTop);
  assert.deepEqual(tops, [2, 2, 2, 4, 6, 8, 10, 10, 20, 80, 100, 2000, 0.04, 0.4]);
});

test('bars stand side by side within the width, their parts on each other', () => {
  const boxes = stackBars(
    [
      [50, 50],
      [0, 0],
      [100, 0.001],
      [1e9, 5],
    ],
    { width: 203, height: 100, top: 100 },
  );
  const [first, second, third, over] = boxes;
  assert.deepEqual(first?.parts, [
    { y: 50, height: 50 },
    { y: 0, height: 50 },
  ]);
  assert.deepEqual(
    second?.parts.map(({ height }) => height),
    [0, 0],
  );
  // A little is not nothing; too much stays inside.
  assert.deepEqual(
    third?.parts.map(({ height }) => height),
    [100, 0],
  );
  assert.deepEqual(
    over?.parts.map(({ height }) => height),
    [100, 0],
  );
  assert.equal(stackBars([[0.001, 0]], { width: 50, height: 100, top: 100 })[0]?.parts[0]?.height, 1);
  for (const [index, box] of boxes.entries()) {
    assert.ok(Number.isInteger(box.x) && Number.isInteger(box.width) && box.width >= 1);
    const next = boxes[index + 1];
    assert.ok(box.x + box.width <= (next?.x ?? 203));
  }
});

test('many bars in little room are still there', () => {
  const boxes = stackBars(
    Array.from({ length: 144 }, () => [1]),
    { width: 100, height: 10, top: 1 },
  );
  assert.ok(boxes.every(({ width }) => width >= 1));
  assert.deepEqual(stackBars([[1]], { width: 0, height: 10, top: 1 }), []);
});
