# The recordings of traces/corpus, unpacked into ${PROJECT_BINARY_DIR}/corpus before the tests that read
# them. Such a test says so: set_tests_properties(... PROPERTIES FIXTURES_REQUIRED corpus), or for all
# of a doctest binary: doctest_discover_tests(... PROPERTIES FIXTURES_REQUIRED corpus).
add_test(
  NAME corpus-unpacked
  COMMAND ${PROJECT_SOURCE_DIR}/scripts/unpack-corpus.sh ${PROJECT_BINARY_DIR}/corpus)
set_tests_properties(corpus-unpacked PROPERTIES FIXTURES_SETUP corpus)
