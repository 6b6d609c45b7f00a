//! The programs of a world: the agent, what it does by default, and the words its scripts are made of.

/// The agent: keeps the prompt, logs the call, then does what the closest script says.
pub const AGENT: &str = r#"#!/bin/sh
call="$SPECMAKE_SPEC:$SPECMAKE_STAGE" ARGS=$*
cat > "$W/prompts/$call.$$" && mv "$W/prompts/$call.$$" "$W/prompts/$call"
echo "$call" >> "$W/calls"
F=$SPECIFY_FEATURE_DIRECTORY S=$SPECMAKE_SPEC N=$SPECMAKE_ATTEMPT PATH=$W/bin:$PATH
export F S N PATH ARGS
for of in "$SPECMAKE_SPEC" any default; do
    script="$W/script/$of/$SPECMAKE_STAGE.sh"
    if [ -e "$script" ]; then exec sh -eu "$script"; fi
done
echo "no script for $call"
"#;

/// The words that scripts are made of, by name.
pub const WORDS: [(&str, &str); 6] = [
    ("flag", "#!/bin/sh\n: > \"$W/flags/$1\"\n"),
    (
        "wait-for",
        r#"#!/bin/sh
tries=0
while [ ! -e "$W/flags/$1" ]; do
    tries=$((tries + 1))
    if [ $tries -gt 1200 ]; then echo "nobody made the flag $1" >&2; exit 97; fi
    sleep 0.05
done
"#,
    ),
    ("note", "#!/bin/sh\necho \"$*\" >> \"$W/notes\"\n"),
    // Widens the time in which an overlap that must not be would be seen; nothing is ordered by it.
    ("linger", "#!/bin/sh\nsleep 0.2\n"),
    ("play", "#!/bin/sh\nexec sh -eu \"$W/script/default/$1.sh\"\n"),
    (
        "tick",
        "#!/bin/sh\nsed 's/^- \\[ \\]/- [x]/' \"$F/tasks.md\" > \"$F/tasks.new\" && mv \"$F/tasks.new\" \"$F/tasks.md\"\n",
    ),
];

/// What the agent does where a test says nothing: each stage's text follows from the one before.
pub const DEFAULTS: [(&str, &str); 6] = [
    ("specify", "mkdir -p \"$F\"\necho \"# What $S is\" > \"$F/spec.md\"\n"),
    ("plan", "mkdir -p \"$F\"\nprintf '# Plan\\n%s\\n' \"$(cksum < \"$F/spec.md\")\" > \"$F/plan.md\"\n"),
    (
        "tasks",
        r#"cat > "$F/tasks.md" <<EOF_TASKS
# Tasks: $S

## Phase 1: Core

- [ ] T001 Write src/$S.txt
- [ ] T002 [P] Read it again in src/$S.txt
<!-- plan $(cksum < "$F/plan.md") -->
EOF_TASKS
"#,
    ),
    (
        "implement",
        "mkdir -p src\ntick\nprintf '%s\\n' \"$S\" \"$(cksum < \"$F/spec.md\")\" \"$(cksum < \"$F/plan.md\")\" > \"src/$S.txt\"\n",
    ),
    ("check", "echo \"$S is fine\"\n"),
    ("build", "mkdir -p out\necho \"$S\" > \"out/$S.txt\"\n"),
];
