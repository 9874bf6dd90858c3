import { expect, test } from "vitest";
import { isPlainHttp } from "./plainHttp";

test("consent is asked for http to anything but this computer", () => {
  for (const plain of ["http://videos.example", " HTTP://10.0.0.2:8080 ", "http://127.0.0.1.evil.example"]) {
    expect(isPlainHttp(plain), plain).toBe(true);
  }
  const fine = ["", "http", "http://", "videos.example", "https://videos.example"];
  for (const address of [...fine, "http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:1"]) {
    expect(isPlainHttp(address), address).toBe(false);
  }
});
