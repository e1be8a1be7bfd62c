# For following the guides at a terminal: `. docs/guides/terminal.sh`, in bash or zsh, in the root of the repository.
terminal() { python3 docs/guides/terminal.py "$@"; }

# The platform of `make run` on the default data folder; set these first if yours is elsewhere.
GATEWAY=${GATEWAY:-$(terminal address public_url)}
SMS=${SMS:-$(terminal address sms_url)}
FACES=${FACES:-$(terminal address faces_url)}
COMPANY_PORT=${COMPANY_PORT:-$(terminal free-port 9000)}
OTHER_COMPANY_PORT=${OTHER_COMPANY_PORT:-$(terminal free-port $((COMPANY_PORT + 1)))}
SPEAK=${SPEAK:-zh}

# The phones of the two operators, which `make run` shows too.
OPERATOR=${OPERATOR:-$(terminal address operator_phone)}
SECOND_OPERATOR=${SECOND_OPERATOR:-$(terminal address second_operator_phone)}
# The keys of their authenticator apps, and where `sign_in` keeps those that it sets up for others.
export OPERATOR SECOND_OPERATOR
export OPERATOR_AUTHENTICATOR=${OPERATOR_AUTHENTICATOR:-$(terminal address operator_authenticator)}
export SECOND_OPERATOR_AUTHENTICATOR=${SECOND_OPERATOR_AUTHENTICATOR:-$(terminal address second_operator_authenticator)}
export AUTHENTICATORS=${AUTHENTICATORS:-$(mktemp)}
ANSWER=$(mktemp)

# curl as it is, in the language $SPEAK; it also prints the status of the answer and keeps the answer for `take`.
curl() {
    rm -f "$ANSWER"
    case "$*" in *Accept-Language:*) ;; *) set -- "$@" --header "Accept-Language: $SPEAK" ;; esac
    command curl --silent --show-error --dump-header "$ANSWER.head" "$@" --output "$ANSWER" \
        --write-out '%{method} %{url_effective} %{http_code}\n' >> "$ANSWER.calls" || return
    sed -n 's/^\(HTTP.*[a-zA-Z0-9]\).*/\1/p' "$ANSWER.head" | tail -n 1
    if [ -f "$ANSWER" ] && grep -q -i '^content-type: .*\(json\|text\)' "$ANSWER.head"; then cat "$ANSWER" && echo; fi
}

# take items.0.bill_id: a value of the last answer. take items.subject=X.incident_id: of the item whose subject is X.
# take header.etag: a header of the last answer.
take() {
    case $1 in
        header.*) grep -i "^${1#header.}:" "$ANSWER.head" | tail -n 1 | cut -d ' ' -f 2- | tr -d '\r' ;;
        *) python3 -S -c "$TAKE" "$ANSWER" "$1" ;;
    esac
}
TAKE='
import json, sys
try:
    value = json.load(open(sys.argv[1], encoding="utf-8"))
    for name in sys.argv[2].split("."):
        if "=" in name:
            field, _, wanted = name.partition("=")
            value = next(item for item in value if item[field] == wanted)
        else:
            value = value[int(name) if isinstance(value, list) else name]
except (OSError, ValueError, LookupError, TypeError, StopIteration):
    sys.exit(f"The last answer has no {sys.argv[2]}: look at the request before. Where a guide is followed once more in "
             "the same folder, remove var/provider first.")
print(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
'

# until_shows TEXT curl ...: the same request again, twice a second, until its answer contains the text.
until_shows() {
    expected=$1 && shift
    for _ in $(seq 60); do
        shown=$("$@") && grep -q -s -e "$expected" "$ANSWER" && break
        sleep 0.5
    done
    echo "$shown"
}

# take_step received-applications/ID TOKEN JSON: a step of a case, with the ETag of the case as it is now.
take_step() {
    curl "$GATEWAY/services/v1/$1" -H "Authorization: Bearer $2" > /dev/null
    curl -X POST "$GATEWAY/services/v1/$1/actions" -H "Authorization: Bearer $2" -H "If-Match: $(take header.etag)" \
        -H "Idempotency-Key: step-$(take version)-${1##*/}" -H "Content-Type: application/json" -d "$3"
}

# paper_code FILE: the verification code that is printed on a paper.
paper_code() { grep -a -o 'code=[0-9A-Z-]*' "$1" | head -n 1 | cut -c 6-; }

# sign_in PHONE: an access token of the residents' app; sign_in PHONE myili-staff: one of the staff console.
# The code that the sandbox "sends" is read from there. Staff also has an authenticator app; the first sign-in sets it
# up with the enrolment code that an operator has given: sign_in PHONE myili-staff CODE.
sign_in() { terminal sign-in "$GATEWAY" "$SMS" "$1" "${2:-myili-app}" "${3:-}"; }

# sign_in_proofed PHONE [CLIENT [CODE]]: the same, after proving an identity where the person has not yet: staff needs
# it.
sign_in_proofed() { terminal sign-in-proofed "$GATEWAY" "$SMS" "$1" "${2:-myili-app}" "${3:-}"; }

# enrolment_code PHONE: what an operator ($OPERATOR_TOKEN) gives to a new member of staff, for the first sign-in.
enrolment_code() {
    curl -X POST "$GATEWAY/identity/v1/enrolment-codes" -H "Authorization: Bearer $OPERATOR_TOKEN" \
        -H "Idempotency-Key: enrol-$1-$(date +%s)" -H "Content-Type: application/json" \
        -d "{\"phone\": \"$1\", \"reason\": \"new member of staff\"}" > /dev/null
    take enrolment_code
}

# sign_in_pages URL PHONE: what a browser does with the pages of signing in. Gives the code that the app gets.
sign_in_pages() { terminal pages "$SMS" "$2" "$1"; }

# Well-formed numbers that belong to no person, new each time; the sandboxes accept all of them.
new_phone() { printf '199%08d\n' $(($(od -A n -N 4 -t u4 /dev/urandom) % 100000000)); }
new_id_number() { terminal id-number "$@"; }
new_uscc() { terminal uscc "$1"; }

# follow GUIDE: runs the commands of a guide, for what another guide needs of it.
follow() { eval "$(terminal commands "docs/guides/$1.md")"; }
