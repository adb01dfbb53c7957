import fc from "fast-check";
import { expect, test } from "vitest";
import { createEventParser } from "./event-stream";

const STREAM = 'retry: 2000\n\nid: 1-0\nevent: caption\ndata: {"text":"Hi"}\n\n:\n\ndata:a\ndata: b\n\nevent: end\ndata: {}\n\n';
const EVENTS = [
  { event: "caption", data: '{"text":"Hi"}' },
  { event: "message", data: "a\nb" },
  { event: "end", data: "{}" },
];

test("events are complete at a blank line, and comments are ignored", () => {
  const parse = createEventParser();
  expect(parse(STREAM)).toEqual(EVENTS);
  expect(parse("data: half")).toEqual([]);
  expect(parse("\n")).toEqual([]);
  expect(parse("\n")).toEqual([{ event: "message", data: "half" }]);
});

test("the parts in which a stream arrives do not matter", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(STREAM.length), { maxLength: 8 }), (cuts) => {
      const places = [0, ...cuts.sort((a, b) => a - b), STREAM.length];
      const parse = createEventParser();
      expect(places.slice(1).flatMap((end, index) => parse(STREAM.slice(places[index], end)))).toEqual(EVENTS);
    }),
  );
});
