#!/bin/sh
# A small crawler: curl through a proxy. One curl process fetches all pages, so
# that connections are kept alive, follows redirects, and asks again by HEAD.
#
#   crawl.sh --proxy URL [--ca FILE] [--fresh] [--upload FILE --to URL] URL...
#
# The proxy is http://host:port, or socks5h://host:port. --fresh takes a new
# connection for each request, for proxies that close theirs unannounced.
# Prints one line per URL: method, status, bytes of body, URL.
set -u

usage() {
  sed -n '2,9s/^# \{0,1\}//p' "$0"
  exit "$1"
}

proxy= ca= fresh= upload= target=
while [ $# -gt 0 ]; do
  case $1 in
    --proxy) proxy=$2; shift 2 ;;
    --ca) ca=$2; shift 2 ;;
    --fresh) fresh=yes; shift ;;
    --upload) upload=$2; shift 2 ;;
    --to) target=$2; shift 2 ;;
    --help) usage 0 ;;
    --*) usage 2 >&2 ;;
    *) break ;;
  esac
done
[ -n "$proxy" ] && [ $# -gt 0 ] || usage 2 >&2

client() {
  curl --silent --show-error --proxy "$proxy" ${ca:+--cacert "$ca"} "$@"
}

# All URLs in one process, by way of its configuration.
fetch() {
  method=$1 option=$2
  shift 2
  for url; do
    printf 'url = "%s"\noutput = "/dev/null"\n' "$url"
  done | client "$option" --config - \
    --write-out "$method %{response_code} %{size_download} %{url}\n"
}

# One process per request, redirects included.
fetch_fresh() {
  for url; do
    next=$url
    while [ -n "$next" ]; do
      answer=$(client --output /dev/null \
        --write-out '%{response_code} %{size_download} %{redirect_url}' "$next") ||
        return 1
      next=${answer#* * }
    done
    echo "GET ${answer% } $url"
  done
}

failed=0
if [ -n "$fresh" ]; then
  fetch_fresh "$@" || failed=1
  for url; do
    fetch HEAD --head "$url" || failed=1
  done
else
  fetch GET --location "$@" || failed=1
  fetch HEAD --head "$@" || failed=1
fi
if [ -n "$upload" ]; then
  client --data-binary "@$upload" --output /dev/null \
    --write-out "POST %{response_code} %{size_download} %{url}\n" "$target" ||
    failed=1
fi
exit $failed
