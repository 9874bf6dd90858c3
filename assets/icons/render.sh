#!/bin/sh
# Draws src-tauri/icons from the drawings beside this script.
# Needs rsvg-convert (librsvg2-bin), convert (imagemagick) and png2icns (icnsutils).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out="$here/../../src-tauri/icons"
scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT
mkdir -p "$out"

draw() { rsvg-convert --width "$2" --height "$2" "$here/$1.svg" --output "$3"; }

# Twice the 22 px of a panel: sharp at both scales.
for state in idle keeping recording paused uploading attention; do
  draw "tray-$state" 44 "$out/tray-$state.png"
done

draw app 32 "$out/32x32.png"
draw app 128 "$out/128x128.png"
draw app 256 "$out/128x128@2x.png"
draw app 512 "$out/icon.png"
for size in 16 24 32 48 128 256 512; do draw app "$size" "$scratch/$size.png"; done
(
  cd "$scratch"
  convert 16.png 24.png 32.png 48.png 256.png "$out/icon.ico"
  png2icns "$out/icon.icns" 16.png 32.png 48.png 128.png 256.png 512.png >/dev/null
)
