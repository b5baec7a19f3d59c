actions!();
files!();
