#!/usr/bin/perl
# Crawls with LWP.
#
# perl crawl.pl PROXY CA UPLOAD-FILE UPLOAD-URL URL...
# An empty UPLOAD-FILE uploads nothing. Prints one line per URL: method,
# status, bytes of body, URL.
use strict;
use warnings;

use LWP::UserAgent;

my ($proxy, $ca, $file, $target, @urls) = @ARGV;
my $agent = LWP::UserAgent->new(
    keep_alive => 1,
    timeout    => 60,
    ssl_opts   => {SSL_ca_file => $ca},
);
# LWP knows one name for SOCKS; the proxy resolves.
$proxy =~ s/^socks5h:/socks:/;
$agent->proxy(['http', 'https'], $proxy);

sub note {
  my ($method, $url, $response) = @_;
  printf "%s %d %d %s\n", $method, $response->code,
      length $response->decoded_content(charset => 'none'), $url;
}

note('GET', $_, $agent->get($_)) for @urls;
if ($file) {
  open my $source, '<:raw', $file or die "$file: $!\n";
  my $body = do { local $/; <$source> };
  note('POST', $target, $agent->post($target, Content => $body));
}
