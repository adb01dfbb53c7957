import { isSecurePage } from "./sources";

/** All microphones except the default entry. Empty until the page was allowed to use one. */
export async function listMicrophones(): Promise<MediaDeviceInfo[]> {
  if (!isSecurePage()) return [];
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter(({ kind, deviceId }) => kind === "audioinput" && deviceId !== "" && deviceId !== "default");
}

/** Calls `listener` whenever a device is connected or disconnected. */
export function watchMicrophones(listener: () => void): void {
  if (isSecurePage()) navigator.mediaDevices.addEventListener("devicechange", listener);
}
