/*! How moments of a recording are written. */

const two = (value: number) => String(value).padStart(2, "0");

/** 1:42.07, 1:02:03.50: to the hundredth of a second, since frames are what is cut. */
export function clock(ms: number): string {
  const hundredths = Math.floor(Math.max(0, Math.round(ms)) / 10);
  const seconds = Math.floor(hundredths / 100);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const rest = `${two(seconds % 60)}.${two(hundredths % 100)}`;
  return hours > 0 ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`;
}
