/** Returns whether others can read what is sent to an address: http to anything but this computer. The
 * program itself refuses such a server without a consent; this only asks for it in time. */
export function isPlainHttp(address: string): boolean {
  const typed = address.trim();
  if (!/^http:\/\/./i.test(typed) || !URL.canParse(typed)) return false;
  const host = new URL(typed).hostname;
  return host !== "localhost" && host !== "[::1]" && !/^127(\.\d+){3}$/.test(host);
}
