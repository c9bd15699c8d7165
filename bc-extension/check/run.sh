#!/usr/bin/env bash
# Checks the companion app without a compiler: parsed, name-checked, and compared with its contract field for field.
# What cannot be run here is said, and is no mistake: tree-sitter-al needs Python 3.12.
set -uo pipefail
cd "$(dirname "$0")/../.."
tools=${AL_TOOLS:-../shared/tools/check_al.py}
symbols=${AL_SYMBOLS:-../shared/data/al/bc29_symbols_subset.json}
contract=winbc_pipeline/facts/companion_app.json
venv=.venv-al

find_python() {
  for one in python3.14 python3.13 python3.12 "$HOME"/.pyenv/versions/3.1[2-9]*/bin/python3; do
    "$one" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null && echo "$one" && return
  done
  return 1
}

if ! "$venv/bin/python" -c 'import tree_sitter_al' 2>/dev/null; then
  python=$(find_python) || { echo "al: NOT RUN, there is no Python 3.12"; exit 0; }
  rm -rf "$venv"
  "$python" -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check 'tree-sitter-al[core]==4.5.0' ||
    { echo "al: NOT RUN, tree-sitter-al cannot be installed"; exit 0; }
fi

known=()
[ -f "$symbols" ] && known=(--symbols "$symbols") || echo "al: types of Microsoft's fields NOT COMPARED, their list is not there"
failed=0
check() { "$venv/bin/python" "$@" || failed=1; }
for app in app app-bc14; do check bc-extension/check/texts.py "bc-extension/$app" --check; done
check bc-extension/check/contract.py bc-extension/app "$contract" "${known[@]}"
check bc-extension/check/contract.py bc-extension/app-bc14 "$contract" --bc14 "${known[@]}"
if [ -f "$tools" ]; then
  both=$(mktemp -d)
  trap 'rm -rf "$both"' EXIT
  # The tests name objects of the app, so the two are checked as one.
  cp -r bc-extension/app/src "$both/src" && cp -r bc-extension/test/src "$both/test"
  sed 's/"to": 62249/"to": 62299/' bc-extension/app/app.json > "$both/app.json"
  check "$tools" "$both" --affix WINS "${known[@]}"
  check "$tools" bc-extension/app-bc14 --affix WINS
else
  echo "al: names NOT CHECKED, check_al.py is not there"
fi
[ "$failed" = 0 ] && echo "al: parsed and name-checked, never compiled, never run"
exit "$failed"
