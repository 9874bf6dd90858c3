/*! Microphone, system audio, webcam and countdown, for this recording and the next ones. */
import type { Levels } from "$lib/bindings/Levels";
import type { Microphone } from "$lib/bindings/Microphone";
import { onLevels, program, type ChooserView, type DeviceView } from "$lib/ipc";
import * as m from "$lib/messages/messages";

export class Sources {
  microphone = $state.raw<Microphone>({ kind: "off" });
  systemSound = $state(false);
  webcam = $state(false);
  countdownSeconds = $state(0);
  levels = $state.raw<Levels>({ microphone: 0, system: 0 });
  #found = $state.raw<DeviceView[]>([]);

  constructor(view: ChooserView) {
    this.microphone = view.microphone;
    this.systemSound = view.systemSound;
    this.webcam = view.webcam;
    this.countdownSeconds = view.countdownSeconds;
  }

  get chosen() {
    const { microphone, systemSound, webcam, countdownSeconds } = this;
    return { microphone, systemSound, webcam, countdownSeconds };
  }

  /** Measures the levels until the returned function is called. */
  watch(): () => void {
    const listening = onLevels((now) => (this.levels = now));
    void program.meterMicrophone(this.microphone);
    void program.microphones().then(
      (found) => (this.#found = found),
      // Without sound one records as well.
      () => {},
    );
    return () => void listening.then((leave) => leave());
  }

  /** One that is not connected now keeps its place in the list. */
  get microphones(): Array<{ value: string; words: string }> {
    const known = this.#found.map(({ name, words }) => ({ value: `=${name}`, words }));
    const value = this.value;
    const missing =
      value.startsWith("=") && !known.some((one) => one.value === value)
        ? [{ value, words: m.microphone_missing({ name: value.slice(1) }) }]
        : [];
    return [
      { value: "off", words: m.chooser_microphone_off() },
      { value: "default", words: m.chooser_microphone_default() },
      ...known,
      ...missing,
    ];
  }

  get value(): string {
    return this.microphone.kind === "named" ? `=${this.microphone.name}` : this.microphone.kind;
  }

  hear(value: string) {
    this.microphone = value.startsWith("=")
      ? { kind: "named", name: value.slice(1) }
      : { kind: value === "default" ? "default" : "off" };
    void program.meterMicrophone(this.microphone);
  }
}
