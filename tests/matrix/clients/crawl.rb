#!/usr/bin/ruby
# Crawls with net/http.
#
# ruby crawl.rb PROXY CA UPLOAD-FILE UPLOAD-URL URL...
# An empty UPLOAD-FILE uploads nothing. Prints one line per URL: method,
# status, bytes of body, URL. Redirects are not followed.

require 'net/http'

proxy, ca, file, target, *urls = ARGV
proxy = URI(proxy)
first = URI(urls.first || target)
http = Net::HTTP.new(first.host, first.port, proxy.host, proxy.port)
http.use_ssl = first.scheme == 'https'
http.ca_file = ca
# A request that failed shall not be sent twice.
http.max_retries = 0

http.start do
  urls.each do |url|
    answer = http.get(URI(url).request_uri)
    puts "GET #{answer.code} #{answer.body.bytesize} #{url}"
  end
  unless file.empty?
    answer = http.post(URI(target).request_uri, File.binread(file))
    puts "POST #{answer.code} #{answer.body.bytesize} #{target}"
  end
end
