# Writes the catalogue files as string constants of namespace lapicheck::specs::embedded.
set(text "#include <string_view>\nnamespace lapicheck::specs::embedded {\n")
foreach(pair "rules;rules.json" "kvm_departures;kvm-departures.json")
  list(GET pair 0 name)
  list(GET pair 1 file)
  file(READ ${DIR}/${file} content)
  string(APPEND text
    "extern const std::string_view ${name};\nconst std::string_view ${name} = R\"lapicheck_json(${content})lapicheck_json\";\n")
endforeach()
string(APPEND text "} // namespace lapicheck::specs::embedded\n")
file(WRITE ${OUT} "${text}")
