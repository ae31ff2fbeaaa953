/** Days left over time as an SVG: one thin line for each certificate, bands for what befell the fleet. Pure. */
import type { FleetReport, Life } from './fleet.ts';
import { type Course, LIFETIMES } from './plan.ts';

const WIDTH = 960;
const HEIGHT = 420;
const LEFT = 46;
const TOP = 34;
const RIGHT = 12;
const BOTTOM = 36;
const HIGHEST_DAYS = 95;

export function picture({ course, lives }: FleetReport): string {
  const x = (day: number) => LEFT + (day / course.days) * (WIDTH - LEFT - RIGHT);
  const y = (left: number) => HEIGHT - BOTTOM - (Math.max(0, left) / HIGHEST_DAYS) * (HEIGHT - TOP - BOTTOM);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="11">`,
    `<title>Days left of ${lives.length} certificates over ${course.days} simulated days</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    ...bands(course, x),
    ...axes(course, x, y),
    ...lives.map((life) => line(life, course, x, y)),
    ...legend(),
    '</svg>',
    '',
  ].join('\n');
}

function bands({ incidents }: Course, x: (day: number) => number): string[] {
  return incidents.flatMap((incident, index) => {
    const low = TOP - 4 - (index % 2) * 11;
    if (incident.kind === 'deploy') return [`<path d="M${round(x(incident.day))} ${TOP}V${HEIGHT - BOTTOM}" stroke="#dddddd" stroke-dasharray="2 3"/>`];
    const days = 'days' in incident ? incident.days : 0.3;
    const text = `<text x="${round(x(incident.day))}" y="${low}" fill="#555555">${incident.words}</text>`;
    const width = round(x(incident.day + days) - x(incident.day));
    return [`<rect x="${round(x(incident.day))}" y="${TOP}" width="${width}" height="${HEIGHT - TOP - BOTTOM}" fill="#f3e3dd"/>`, text];
  });
}

function axes({ days }: Course, x: (day: number) => number, y: (left: number) => number): string[] {
  const lines = [`<path d="M${LEFT} ${TOP}V${HEIGHT - BOTTOM}H${WIDTH - RIGHT}" fill="none" stroke="#888888"/>`];
  for (let left = 0; left <= 90; left += 15) lines.push(`<text x="${LEFT - 6}" y="${round(y(left) + 4)}" text-anchor="end" fill="#555555">${left}</text>`);
  for (let day = 0; day <= days; day += 10)
    lines.push(`<text x="${round(x(day))}" y="${HEIGHT - BOTTOM + 14}" text-anchor="middle" fill="#555555">${day}</text>`);
  lines.push(`<text x="6" y="${TOP - 18}" fill="#555555">days left</text>`);
  lines.push(`<text x="${WIDTH - RIGHT}" y="${HEIGHT - BOTTOM + 28}" text-anchor="end" fill="#555555">day of the simulation</text>`);
  return lines;
}

function line({ turns, lifetime }: Life, { days }: Course, x: (day: number) => number, y: (left: number) => number): string {
  const points = turns.flatMap(({ at, left }, index) => {
    const until = turns[index + 1]?.at ?? days;
    return [
      [at, left],
      [until, left - (until - at)],
    ];
  });
  const path = points.map(([at = 0, left = 0]) => `${round(x(at))},${round(y(left))}`).join(' ');
  return `<polyline points="${path}" fill="none" stroke="${lifetime.colour}" stroke-width="0.7" stroke-opacity="0.55"/>`;
}

function legend(): string[] {
  return LIFETIMES.map(({ days, colour }, index) => {
    const at = LEFT + 8 + index * 90;
    const words = `${days < 10 ? days.toFixed(1) : days} days`;
    return `<path d="M${at} ${HEIGHT - 12}h16" stroke="${colour}" stroke-width="2"/><text x="${at + 20}" y="${HEIGHT - 8}" fill="#555555">${words}</text>`;
  });
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
