# A hook of tooltrail, version 1, written by `tooltrail hook install bash`: changes here are lost.
# bash reads it from ~/.bashrc, or through BASH_ENV. What it tells goes through a FIFO, never
# through a file, to a recorder process, which takes out secrets before anything is on disk.
#
# It runs inside of a stranger's shell, whose functions may be called `read`, whose aliases
# `local`, and whose options `nounset`. So: builtins by `\builtin`, keywords where they do;
# `${x-}` for each variable; arguments with a `=` quoted, for `set -k`; nothing that depends on
# IFS; no assignment to a variable that may be readonly. What lasts is an array each: `set -a`
# exports no arrays. `2</dev/null`, which is open for reading, hides what `set -x` shows, and a
# restricted shell allows it.

_tooltrail_tell() {
    # Opened for reading too, it neither waits for a reader nor brings SIGPIPE.
    [[ -p ${_tooltrail_fifo-} ]] && \builtin printf '%s\0' "$@" 1<>"$_tooltrail_fifo"
}

# Puts the time, in µs, into its caller's variable.
_tooltrail_clock() {
    _tooltrail_at=${EPOCHREALTIME-}
    _tooltrail_at=${_tooltrail_at//[!0123456789]/} # the locale's decimal point
    [[ ${#_tooltrail_at} == 16 ]] || # it was unset: seconds, and a number to tell calls apart
        \builtin printf -v _tooltrail_at '%(%s)T%06d' -1 "$((++_tooltrail_ticks[0] % 1000000))"
}

# Returns 0, or 1 where the DEBUG trap has to go: a function cannot take it away.
_tooltrail_debug() {
    # A file was read, or a text, or who knows what was typed.
    if [[ ${_tooltrail_doubt-} == 1 || ${_tooltrail_doubt-}${BASH_COMMAND-} == 0_tooltrail_prompt ]]; then
        _tooltrail_doubt=$(_tooltrail_no_builtin || {
            _tooltrail_look && \builtin printf %s "$_tooltrail_looked"
        })
        [[ $_tooltrail_doubt != "${_tooltrail_was-}" || $_tooltrail_doubt != 1:* ]] ||
            _tooltrail_was=piped # we have reaped one ourselves
        if [[ $_tooltrail_doubt == builtin ]]; then
            _tooltrail_prompt() { [[ $? == 0 ]]; }
        else
            _tooltrail_doubt=0
        fi
    fi
    [[ ${_tooltrail_doubt-} == builtin ]] || _tooltrail_see "$@"
}

_tooltrail_see() {
    \builtin local "_tooltrail_status=$1"
    # Where nothing is waited for, loops and arithmetic are not told of, and of the shell's own
    # work only the first of it: the rest is counted.
    if [[ ${_tooltrail_open-}${_tooltrail_at_prompt-} == 00 ]]; then
        case ${BASH_COMMAND-} in
        "(("* | "for "* | "case "*) \builtin return 0 ;;
        *[\<\>]\(* | *trap*) ;;
        : | true | false | "echo "* | "printf "* | "[ "* | "[[ "* | ": "* | "read "* | "test "* | \
            "let "* | "local "* | shift | continue | break | echo | "declare "* | "unset "*)
            if ((${_tooltrail_own:-0} >= 50)); then
                [[ ${BASHPID-} != "$$" ]] || ((++_tooltrail_counted[0]))
                \builtin return 0
            fi
            ;;
        esac
    fi
    [[ ${BASHPID-} == "$$" ]] || \builtin return 0 # functrace, in a subshell
    \builtin local "_tooltrail_at=" "_tooltrail_kind=D" "_tooltrail_line=${BASH_COMMAND-}"
    \builtin local "_tooltrail_looked="
    _tooltrail_clock
    _tooltrail_line=${_tooltrail_line:0:16001}
    case $_tooltrail_line in
    _tooltrail_prompt) _tooltrail_kind=P ;;
    *_tooltrail_*) \builtin return 0 ;;
    "for "* | "case "* | "select "* | "(("*) _tooltrail_kind=N ;;
    esac
    [[ $_tooltrail_kind == P || ${_tooltrail_at_prompt-} == 0 ]] || \builtin return 0
    if [[ $_tooltrail_kind == D && ${_tooltrail_interactive-} == '' ]]; then
        case ${_tooltrail_line%%[ =]*} in
        : | true | false | echo | printf | "[" | "[[" | read | test | let | local | shift | continue | \
            break | return | declare | unset)
            ((++_tooltrail_own[0] <= 50)) || { _tooltrail_kind=N && ((++_tooltrail_counted[0])); }
            ;;
        esac
    fi
    _tooltrail_boundary "${@:2:$#-2}"
    _tooltrail_give_way
}

# Does what the next command would otherwise suffer from: it is not to see our EXIT trap, and
# where no trap can run unnoticed, there is to be none: then it returns 1.
_tooltrail_give_way() {
    # No FIFO can be written to, or each trap that runs is shown.
    [[ $- != *[rv]* ]] || \builtin set -- leave
    case ${_tooltrail_line%% *} in
    set)
        _tooltrail_line=${_tooltrail_line#set }
        [[ ${_tooltrail_line%% *} != -v* && ${_tooltrail_line%% *} != -[!-]*v* &&
            $_tooltrail_line != *"-o verbose"* ]] || \builtin set -- leave
        ;;
    ulimit) # without descriptors to spare, bash complains of each redirection
        [[ $_tooltrail_line != *n\ [0-9] && $_tooltrail_line != *n\ [0-9][0-9] ]] ||
            \builtin set -- leave
        ;;
    . | source | eval) _tooltrail_doubt=1 ;;
    trap)
        [[ $_tooltrail_line != *DEBUG* || $_tooltrail_line == "trap -p"* ]] ||
            \builtin set -- leave
        ;;
    esac
    case ${1-}:$_tooltrail_line in
    leave:* | :trap | *"trap -p"* | *"(trap)"*) _tooltrail_disarm ;;
    *) [[ ${_tooltrail_armed-} != 0 ]] || _tooltrail_arm ;;
    esac
    [[ ${1-} == leave ]] || \builtin return 0
    [[ ${PROMPT_COMMAND[0]-} != "${_tooltrail_prompting-}" ]] || \builtin unset 'PROMPT_COMMAND[0]'
    \builtin return 1
}

_tooltrail_arm() {
    _tooltrail_armed=1
    [[ -n $(\builtin trap -p EXIT) ]] || \builtin trap -- "${_tooltrail_last-}" EXIT
    _tooltrail_look
    _tooltrail_was=$_tooltrail_looked # we have reaped one ourselves
}

_tooltrail_disarm() {
    if [[ $(\builtin trap -p EXIT) == "trap -- '${_tooltrail_last-}' EXIT" ]]; then
        \builtin trap - EXIT
        _tooltrail_armed=0
    fi
    _tooltrail_look
    _tooltrail_was=$_tooltrail_looked
}

# While bash starts a pipeline it blocks SIGCHLD (bit 17 of `blocked`) and reaps no child
# (`cminflt`): so these two, put into the caller's variable, tell whether the command before goes
# on, as an element of the same one.
_tooltrail_look() {
    \builtin local -a _tooltrail_stat
    \builtin mapfile -d ' ' -t -s 10 -n 22 _tooltrail_stat <"/proc/$$/stat" # fields 11 to 32
    _tooltrail_looked=$((${_tooltrail_stat[21]:-0} >> 16 & 1)):${_tooltrail_stat[0]-}
}

_tooltrail_boundary() {
    \builtin local "_tooltrail_piped=0" "_tooltrail_statuses=" "_tooltrail_call=${_tooltrail_id-}"
    \builtin local "_tooltrail_looked="
    _tooltrail_look
    if [[ $_tooltrail_looked == 1:* ]]; then
        [[ ${_tooltrail_was-} != "$_tooltrail_looked" && ${_tooltrail_was-} != piped ]] ||
            _tooltrail_piped=1
    fi
    _tooltrail_was=$_tooltrail_looked
    case $_tooltrail_kind in
    D) _tooltrail_call=req_0$_tooltrail_at${_tooltrail_salt-} ;;
    P) _tooltrail_at_prompt=1 ;;
    esac
    if [[ $_tooltrail_kind == D ]]; then
        _tooltrail_open=1
    elif ((!_tooltrail_piped)); then
        _tooltrail_open=0
    fi
    \builtin printf -v _tooltrail_statuses '%s ' "$@"
    _tooltrail_tell "$_tooltrail_kind" "$_tooltrail_at" "$_tooltrail_call" "${PWD-}" \
        "${!-}/$_tooltrail_piped/${_tooltrail_counted-}" "$_tooltrail_status" \
        "$_tooltrail_statuses" "$_tooltrail_line"
    \builtin declare -gx "TOOL_PARENT_REQUEST_ID=$_tooltrail_call" # it may be readonly by now
    \builtin return 0
}

# bash-preexec has the DEBUG trap, and tells of each line as it was typed.
_tooltrail_preexec() {
    \builtin local "_tooltrail_status=$?" "_tooltrail_at=" "_tooltrail_kind=D"
    \builtin local "_tooltrail_line=${1:0:16001}"
    { _tooltrail_clock && _tooltrail_boundary "$_tooltrail_status"; } 2</dev/null
}

_tooltrail_precmd() {
    \builtin local "_tooltrail_status=$?" "_tooltrail_at=" "_tooltrail_kind=P" "_tooltrail_line="
    { _tooltrail_clock && _tooltrail_boundary "$_tooltrail_status"; } 2</dev/null
    \builtin return "$_tooltrail_status"
}

# For a DEBUG trap that was there before ours: it runs after ours, with the `$?` it would have.
_tooltrail_before() {
    \builtin local "_tooltrail_status=$?"
    _tooltrail_debug "$_tooltrail_status" "$@" || ((1))
    \builtin return "$_tooltrail_status"
}

_tooltrail_exit() {
    [[ ${_tooltrail_doubt-} == 0 || -z $(_tooltrail_no_builtin) ]] && _tooltrail_see_exit "$@"
}

_tooltrail_see_exit() {
    \builtin local "_tooltrail_status=$1" "_tooltrail_at=" "_tooltrail_kind=X" "_tooltrail_line="
    [[ ${BASHPID-} == "$$" && $- != *r* ]] || \builtin return 0
    \builtin trap - RETURN # it may be one for all functions, and nothing of the user's runs now
    _tooltrail_clock
    _tooltrail_boundary "${@:2}"
}

_tooltrail_prompt() { \builtin return "$?"; }

# Says something where `\builtin` is not what it says: to be run in a subshell, which may enter
# POSIX mode freely. There no function stands in front of `unset`.
_tooltrail_no_builtin() {
    POSIXLY_CORRECT=1
    \unset -f declare
    \declare -F builtin
}

# Tells whether we can do our work here: `\builtin` works and will, what we set can be set.
_tooltrail_may() {
    [[ ${TOOLTRAIL_SHELL-} != off && $- != *[rv]* && -x @PYTHON@ && $(
        text=${BASH_EXECUTION_STRING-}
        _tooltrail_no_builtin || [[ -n $text || $- == *i* || ! -f $0 ]] ||
            \builtin read -r -N 20000 text <"$0"
        \unset -f echo
        [[ $text =~ (function[[:blank:]]+builtin|builtin[[:blank:]]*\([[:blank:]]*\)) ]] && \echo later
        TOOL_PARENT_REQUEST_ID=1 TOOL_TRACE_ID=1
        [[ $- != *i* ]] || PS0=1 PROMPT_COMMAND=1
        \echo yes
    ) == yes ]]
}

_tooltrail_start() {
    ! \builtin shopt -q restricted_shell || \builtin return 0 # it is not yet, it will be
    \builtin local "_tooltrail_comm=" "_tooltrail_looked=" "_tooltrail_at="
    \builtin local "_tooltrail_line=${BASH_EXECUTION_STRING-}"
    \builtin read -r _tooltrail_comm <"/proc/$$/comm" || \builtin return 0
    # Otherwise the fields of `stat` could not be told apart.
    [[ $_tooltrail_comm != *[\ \)]* ]] || \builtin return 0
    [[ -d @SPOOL@ ]] || (\builtin umask 077 && \builtin exec mkdir -p -- @SPOOL@) || \builtin return 0
    [[ -O @SPOOL@ ]] || \builtin return 0
    _tooltrail_salt=() _tooltrail_id=() _tooltrail_fifo=() _tooltrail_was=() _tooltrail_at_prompt=(0)
    _tooltrail_interactive=() _tooltrail_own=(0) _tooltrail_open=(0) _tooltrail_counted=(0)
    _tooltrail_ticks=(0) _tooltrail_armed=() _tooltrail_none=('') _tooltrail_doubt=(0)
    _tooltrail_shell=() _tooltrail_last=()
    _tooltrail_prompting=('{ _tooltrail_prompt; } 2</dev/null')
    _tooltrail_clock
    \builtin printf -v _tooltrail_salt '%09d' "$((${SRANDOM:-$$${RANDOM-}} % 1000000000))"
    _tooltrail_id=req_0$_tooltrail_at$_tooltrail_salt
    _tooltrail_fifo=@SPOOL@/bash-$$-$_tooltrail_at
    # In a subshell, `hash` does not come to know of it.
    (\builtin exec mkfifo -m 600 -- "$_tooltrail_fifo") || \builtin return 0
    [[ -n ${TOOL_TRACE_ID-}${TRACEPARENT-}${CLAUDE_CODE_SESSION_ID-}${CODEX_THREAD_ID-} ]] ||
        [[ -n ${COPILOT_AGENT_SESSION_ID-} ]] ||
        \builtin declare -gx "TOOL_TRACE_ID=bash-$_tooltrail_id"
    # In a subshell, so that neither `wait`, `jobs` nor `$!` knows of it.
    (
        \builtin cd /
        \builtin trap '' HUP INT QUIT TERM TSTP
        \builtin unset BASH_ENV
        # `&` alone would empty stdin
        \builtin exec @PYTHON@ -E -P -m tooltrail.shells.recorder bash "$$" "$_tooltrail_fifo" <&0 &
    ) <>"$_tooltrail_fifo" >/dev/null 2>&1
    [[ $- != *i* ]] || _tooltrail_interactive=i
    _tooltrail_tell S "$_tooltrail_at" "$_tooltrail_id" "${PWD-}" "${_tooltrail_interactive-}" "$0" \
        "${_tooltrail_line:0:16001}" ''
    if [[ -n ${bash_preexec_imported-}${__bp_imported-} ]]; then
        preexec_functions+=(_tooltrail_preexec)
        precmd_functions=(_tooltrail_precmd ${precmd_functions[@]+"${precmd_functions[@]}"})
    elif [[ -n ${_tooltrail_interactive-} ]]; then
        _tooltrail_at_prompt=1 # until a line is typed
        PS0=${PS0-}'${_tooltrail_none:$((_tooltrail_at_prompt = 0)):0}'
        if ((BASH_VERSINFO[0] > 5 || BASH_VERSINFO[1] >= 1)); then
            PROMPT_COMMAND=("$_tooltrail_prompting" ${PROMPT_COMMAND[@]+"${PROMPT_COMMAND[@]}"})
        else
            PROMPT_COMMAND="$_tooltrail_prompting${PROMPT_COMMAND:+; $PROMPT_COMMAND}"
        fi
    fi
    \builtin declare -gx "TOOL_PARENT_REQUEST_ID=$_tooltrail_id"
    _tooltrail_last='{ _tooltrail_exit "$?" "${PIPESTATUS[@]}" || ((1)); } 2</dev/null || ((1))'
    _tooltrail_arm
    _tooltrail_shell=$$
}

if { [[ -n ${TOOLTRAIL_BASH_ENV-} && $- != *i* && -r $TOOLTRAIL_BASH_ENV ]]; } 2</dev/null; then
    . "$TOOLTRAIL_BASH_ENV" # what BASH_ENV named before
    _tooltrail_theirs=here
fi
if {
    [[ -n ${BASH_VERSINFO-} && ${_tooltrail_shell-} != "$$" ]] && ((BASH_VERSINFO[0] >= 5)) &&
        _tooltrail_may
} 2</dev/null; then
    {
        [[ $- != *a* ]] || \builtin export -nf _tooltrail_tell _tooltrail_clock _tooltrail_debug \
            _tooltrail_give_way _tooltrail_arm _tooltrail_disarm _tooltrail_boundary _tooltrail_look \
            _tooltrail_preexec _tooltrail_precmd _tooltrail_before _tooltrail_exit \
            _tooltrail_see _tooltrail_see_exit _tooltrail_prompt _tooltrail_no_builtin \
            _tooltrail_may _tooltrail_start
        [[ ${_tooltrail_theirs-} != here ]] || _tooltrail_theirs=$(\builtin trap -p DEBUG)
        _tooltrail_start || ((1))
        if [[ ${_tooltrail_shell-} != "$$" || -n ${bash_preexec_imported-}${__bp_imported-} ]]; then
            _tooltrail_theirs='' # not started, or bash-preexec tells us
        elif [[ ${_tooltrail_theirs-} == "trap -- "* ]]; then
            \builtin eval "_tooltrail_theirs=(${_tooltrail_theirs#trap -- })"
            \builtin trap -- "if { _tooltrail_before \"\${PIPESTATUS[@]}\" \"\${_-}\"; } 2</dev/null; then
${_tooltrail_theirs[0]}
else
${_tooltrail_theirs[0]}
fi" DEBUG
        else
            \builtin trap -- '{ _tooltrail_debug "$?" "${PIPESTATUS[@]}" "${_-}" || \builtin trap - DEBUG; } 2</dev/null || ((1))' DEBUG
        fi
        \builtin unset _tooltrail_theirs
    } 2</dev/null
fi
