# A hook of tooltrail, version 1, written by `tooltrail hook install zsh`: changes here are lost.
# An interactive zsh reads it from ~/.zshrc. What it tells goes through a FIFO, never through a
# file, to a recorder process, which takes out secrets before anything is on disk.
#
# It runs inside of a stranger's shell. Their aliases and options do not reach it, since
# `emulate -R zsh -o … -c` in ~/.zshrc reads it: that holds for its functions, too. Their functions
# may have the names of builtins: so builtins are called by `builtin`.

_tooltrail_tell() {
    # Opened for reading too, it neither waits for a reader nor brings SIGPIPE.
    [[ -o restricted || ! -p $_tooltrail_fifo ]] ||
        { builtin printf '%s\0' "$@" 1<>"$_tooltrail_fifo" } 2>/dev/null
}

# Puts the time, in µs, into its caller's variable.
_tooltrail_clock() {
    _tooltrail_at=${(%):-'%D{%s%6.}'}
    [[ $_tooltrail_at == <-> && $#_tooltrail_at == 16 ]] || {
        _tooltrail_at=${EPOCHREALTIME//[^0-9]/} # zsh is older
        _tooltrail_at=${(r:16::0:)_tooltrail_at}
    }
}

_tooltrail_parent() {
    [[ ${(t)TOOL_PARENT_REQUEST_ID} == *readonly* ]] ||
        builtin typeset -gx "TOOL_PARENT_REQUEST_ID=$1"
}

# Tells whether `builtin` is what it says, and keeps the user's traps from what follows: they are
# local to a function, and run after a command, so that this one, a single list, is not seen.
_tooltrail_preexec() {
    ((! ${+functions[builtin]})) && builtin trap - DEBUG ZERR && _tooltrail_begin "$1" || ((1))
}

_tooltrail_precmd() {
    ((${_tooltrail_status::=$?} * 0 == ${+functions[builtin]})) && builtin trap - DEBUG ZERR &&
        _tooltrail_end || ((1))
}

_tooltrail_zshexit() {
    ((${_tooltrail_status::=$?} * 0 == ${+functions[builtin]})) && builtin trap - DEBUG ZERR &&
        _tooltrail_last || ((1))
}

_tooltrail_begin() {
    builtin local _tooltrail_at=''
    _tooltrail_clock
    _tooltrail_running=1
    _tooltrail_parent req_0$_tooltrail_at$_tooltrail_salt
    _tooltrail_tell D $_tooltrail_at req_0$_tooltrail_at$_tooltrail_salt "$PWD" /0 0 0 \
        "${1[1,16001]}"
}

_tooltrail_end() {
    ((_tooltrail_running)) || builtin return 0
    builtin local _tooltrail_at=''
    _tooltrail_running=0
    _tooltrail_clock
    _tooltrail_parent $_tooltrail_id
    _tooltrail_tell P $_tooltrail_at $_tooltrail_id "$PWD" /0 $_tooltrail_status \
        $_tooltrail_status ''
}

_tooltrail_last() {
    [[ $ZSH_SUBSHELL == 0 && $_tooltrail_shell == $$ ]] || builtin return 0
    builtin local _tooltrail_at=''
    _tooltrail_clock
    _tooltrail_tell X $_tooltrail_at $_tooltrail_id "$PWD" /0 $_tooltrail_status \
        $_tooltrail_status ''
}

_tooltrail_start() {
    [[ ${TOOLTRAIL_SHELL-} != off && -x @PYTHON@ && ! -o restricted ]] || builtin return 0
    [[ -d @SPOOL@ ]] || (builtin umask 077 && builtin command mkdir -p -- @SPOOL@) ||
        builtin return 0
    [[ -O @SPOOL@ ]] || builtin return 0
    builtin local _tooltrail_at=''
    _tooltrail_clock
    [[ $_tooltrail_at != 0* ]] || { builtin zmodload zsh/datetime && _tooltrail_clock }
    builtin typeset -g _tooltrail_salt=${(l:9::0:)$((($$ * 32768 + RANDOM) % 1000000000))}
    builtin typeset -g _tooltrail_id=req_0$_tooltrail_at$_tooltrail_salt _tooltrail_running=0
    builtin typeset -g _tooltrail_fifo=@SPOOL@/zsh-$$-$_tooltrail_at
    # In a subshell, `hash` does not come to know of it.
    (builtin command mkfifo -m 600 -- "$_tooltrail_fifo") || builtin return 0
    [[ -n ${TOOL_TRACE_ID-}${TRACEPARENT-}${CLAUDE_CODE_SESSION_ID-}${CODEX_THREAD_ID-} ]] ||
        [[ -n ${COPILOT_AGENT_SESSION_ID-} || ${(t)TOOL_TRACE_ID} == *readonly* ]] ||
        builtin typeset -gx "TOOL_TRACE_ID=zsh-$_tooltrail_id"
    (
        builtin cd /
        builtin trap '' HUP INT QUIT TERM TSTP
        # `&` alone would empty stdin
        @PYTHON@ -E -P -m tooltrail.shells.recorder zsh $$ "$_tooltrail_fifo" <&0 &!
    ) <>"$_tooltrail_fifo" >/dev/null 2>&1
    _tooltrail_tell S $_tooltrail_at $_tooltrail_id "$PWD" i "$0" '' ''
    builtin typeset -g _tooltrail_shell=$$
    preexec_functions+=(_tooltrail_preexec)
    zshexit_functions+=(_tooltrail_zshexit)
    precmd_functions=(_tooltrail_precmd $precmd_functions) # first: it reads $?
    _tooltrail_parent $_tooltrail_id
}

if [[ -o interactive && ${_tooltrail_shell-} != $$ ]] && ((! ${+functions[builtin]})); then
    _tooltrail_start 2>/dev/null
fi
