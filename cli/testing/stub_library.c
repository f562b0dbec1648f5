/* Stands in for libproxymeter.so where only its being loaded matters. */
int proxymeter_stub;
